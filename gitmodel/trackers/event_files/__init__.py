"""Messages inside event files of TensorBoard: events, scalar tensors and hyperparameters."""
