"""Objects that photos show and captions name, for CHAIR."""
