"""Files to packed genotypes aligned to the study's sites, and the kernels that count them."""
