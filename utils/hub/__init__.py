"""Captioners of others by name: hf:OWNER/NAME[@REVISION].

name.py       parses the name
cache.py      finds a model in Hugging Face's own cache, without network
client.py     asks the Hub which files a model has
transfer.py   downloads and checks them
answers.py    says what an answer of the Hub means
find.py       the folder of a model: from the cache, or downloaded once
known.py      the models that are known to work
"""
