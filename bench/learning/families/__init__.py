"""The mistakes, by what they are about; `bench.learning.catalogue` has them all."""
