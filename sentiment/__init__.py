"""The sentiment of a text: the coins it mentions, the story it belongs to, and a score. Pure.

Reads its own word lists; a trained model is loaded in `scorers/model_file.py` alone.
"""
