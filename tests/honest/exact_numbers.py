"""Uses fractions and decimals."""

from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 50
a, b = input().split()
print(Fraction(a) + Fraction(b))
print((Decimal(a) / Decimal(b)).sqrt())
