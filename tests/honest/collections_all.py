"""Uses Counter, deque, defaultdict and OrderedDict."""

from collections import Counter, OrderedDict, defaultdict, deque

words = input().split()
by_length = defaultdict(list)
for word in words:
    by_length[len(word)].append(word)
queue = deque(words)
queue.rotate(1)
print(Counter(words).most_common(1)[0][1], dict(sorted(by_length.items())))
print(*queue, *OrderedDict.fromkeys(words))
