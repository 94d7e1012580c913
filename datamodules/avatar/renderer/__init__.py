"""Pictures of the avatar: a whole signer, or a hand that shows letters."""
