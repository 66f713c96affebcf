"""Is a method of a class named Solution, as LeetCode has it."""

from typing import List


class Solution:
    def twoSum(self, nums: List[int], target: int) -> List[int]:
        seen = {}
        for at, n in enumerate(nums):
            if target - n in seen:
                return [seen[target - n], at]
            seen[n] = at
        return []
