"""The payment stream of the Fraud Detection Handbook, and the protocol its results are compared by.

The stream is simulated and regenerable from its seeds, so it is the one yardstick of payment fraud
that anybody can hold against the same published figures. Source of the definition: Le Borgne,
Siblini, Lebichot and Bontempi, *Reproducible Machine Learning for Credit Card Fraud Detection -
Practical Handbook*, Université Libre de Bruxelles, 2022, chapters 3 and 5.
"""
