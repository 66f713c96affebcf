"""Works in threads and joins them."""

import threading

numbers = list(map(int, input().split()))
squares = [0] * len(numbers)


def work(at):
    squares[at] = numbers[at] ** 2


workers = [threading.Thread(target=work, args=(at,)) for at in range(len(numbers))]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(*squares)
