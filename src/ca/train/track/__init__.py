"""`ca train --track`: runs shown by TensorBoard or Weights & Biases."""
