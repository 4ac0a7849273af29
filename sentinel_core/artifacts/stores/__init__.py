"""Where artifacts lie: folders, web servers and S3 stores, behind one port.

Imports nothing: `s3_store` needs the extra ``engine``, the other modules the base dependencies only.
"""
