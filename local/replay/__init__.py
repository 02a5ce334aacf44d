"""Walk through a past in blocks: answer with what served then, reveal the outcomes, let the policy retrain."""
