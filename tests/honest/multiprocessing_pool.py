"""Uses a pool of two processes; it needs semaphores in /dev/shm."""

from multiprocessing import Pool


def square(n):
    return n * n


if __name__ == "__main__":
    with Pool(2) as pool:
        print(sum(pool.map(square, map(int, input().split()))))
