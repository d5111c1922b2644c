"""Folders that caption photos without this project, which export.py makes of runs.

folder.py               model, signature.json, README.md, client.py and requirements.txt of a folder
source.py, graph.py     a run, and its model as one function of pixels, beam search included
saved_model.py, litert.py, openvino.py, onnx.py, huggingface.py     a file a format
graph_reader.py, graph_words.py     photos' bytes to pixels, and tokens to sentences, in the graph
verify.py               the captions of the folder against those of the run
"""
