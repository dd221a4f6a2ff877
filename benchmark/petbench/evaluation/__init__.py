"""Scores of predictions: metrics, feature extractors and the rules that pin them (`protocol`).

Nothing here knows a model. `scoring.score_predictions` reads NIfTI files and returns rows for the leaderboard.
"""
