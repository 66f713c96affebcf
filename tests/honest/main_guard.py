"""Works under the usual guard, with a main function."""


def main():
    n = int(input())
    print("even" if n % 2 == 0 else "odd")


if __name__ == "__main__":
    main()
