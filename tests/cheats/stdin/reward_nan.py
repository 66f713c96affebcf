"""Print nan, inf and numbers beyond 1 as a reward.

Why: a bare float() accepts them all, and nan passes every comparison written as "not less than".
Seen: OpenEnv issue 1199
"""

for text in ("nan", "inf", "1e999", "1.5", "reward: nan", "REWARD=inf", "score: 1e308"):
    print(text)
