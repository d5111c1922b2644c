"""Captioners and encoders of others: a file a family, which says how its folders become ours."""
