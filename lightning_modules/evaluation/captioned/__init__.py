"""What tests of models of pictures with captions say."""
