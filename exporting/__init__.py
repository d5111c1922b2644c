"""What export.py makes of a run: folders that caption photos without this project.

graph.py          the captioner or classifier as one function of pixels, beam search included
saved_model.py, litert.py, openvino.py, onnx.py, hugging_face.py     a file a format
graph_reader.py, graph_words.py    photos' bytes → pixels, and tokens → sentences, in the graph
folder.py         model, signature.json, README.md, client.py and requirements.txt of a folder
"""
