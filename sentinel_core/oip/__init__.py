"""The Open Inference Protocol, version 2: its messages, and tensors in and out of them.

Imports nothing: `open_inference_pb2` needs protobuf, `open_inference_pb2_grpc` gRPC, `tensors` numpy
too; all are in the extra ``engine``.
"""
