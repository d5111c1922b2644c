"""The networks, and the captioners and classifiers that are made of them."""
