"""Pages and figures for people, made from the leaderboard and from arrays. No score is computed here."""
