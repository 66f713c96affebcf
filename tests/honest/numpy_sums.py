"""Uses numpy."""

import numpy as np

a = np.array(list(map(int, input().split())), dtype=np.int64)
print(int(a.cumsum()[-1]), int((a * a).sum()))
