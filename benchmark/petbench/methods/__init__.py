"""From a method's spec to a method that can train and predict: parameters, models, programs of their own."""
