"""What differs between the weights of two versions, without fetching them."""
