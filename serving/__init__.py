"""The HTTP server of serve.py: captions and classes for other programs.

server.py      starts and ends it: socket, loading in the background, signals
app.py         puts routes, doors and errors together
door.py        who may come in: origin, token, size, time
service.py     photos → answers: reads them, limits them, asks the model in batches
batching.py    photos of several requests → one batch
model.py       the run behind the server
captions.py    our own routes /v1/caption and /v1/classify
ollama.py  openai.py  hugging_face.py    the routes of others, as photo programs speak them
health.py      /healthz, /readyz, /metrics
metrics.py     what is counted, in Prometheus' text form
page.py        the page that describes the routes
"""
