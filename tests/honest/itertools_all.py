"""Uses itertools."""

from itertools import accumulate, chain, combinations, groupby, permutations, product

word = input()
print("".join(f"{len(list(group))}{letter}" for letter, group in groupby(word)))
print(len(set(permutations(word[:4]))), sum(1 for _ in product(word, repeat=2)))
print(*accumulate(map(ord, word[:3])), *chain.from_iterable(combinations(word[:3], 2)))
