"""The CustomResourceDefinitions and the pages about them, all written from the pydantic classes."""
