/* The tree of bitmap.py, searched in C. The words: what is free, the capacity, the number of levels, where each level
   starts; then the levels, leaves first, 1 for free. */

#include <stdint.h>

enum { FREE, CAPACITY, LEVELS, STARTS };

/* The lowest free index of a tree that has one. */
static uint64_t find(const uint64_t *words)
{
    uint64_t index = 0;
    for (uint64_t level = words[LEVELS]; level-- > 0;)
        index = index << 6 | (uint64_t)__builtin_ctzll(words[words[STARTS + level] + index]);
    return index;
}

/* Clear a bit, and those above it whose word has none left. */
static void clear(uint64_t *words, uint64_t level, uint64_t index)
{
    for (; level < words[LEVELS]; level++, index >>= 6) {
        uint64_t *word = &words[words[STARTS + level] + (index >> 6)];
        *word &= ~((uint64_t)1 << (index & 63));
        if (*word)
            break;
    }
}

static int64_t tree_nearest(const uint64_t *words)
{
    return words[FREE] ? (int64_t)find(words) : -1;
}

static int64_t tree_take(uint64_t *words)
{
    if (!words[FREE])
        return -1;
    uint64_t index = find(words);
    clear(words, 0, index);
    words[FREE]--;
    return (int64_t)index;
}

/* False if it was free already. The index is one of the tree's. */
static _Bool tree_release(uint64_t *words, int64_t space)
{
    uint64_t index = (uint64_t)space;
    if (words[words[STARTS] + (index >> 6)] >> (index & 63) & 1)
        return 0;
    words[FREE]++;
    for (uint64_t level = 0; level < words[LEVELS]; level++, index >>= 6) {
        uint64_t *word = &words[words[STARTS + level] + (index >> 6)];
        uint64_t before = *word;
        *word = before | (uint64_t)1 << (index & 63);
        if (before)
            break;
    }
    return 1;
}

/* Take `count` indices, of which so many are free: a word of leaves at a time, and the levels above are told only when
   it is empty. */
static void tree_take_many(uint64_t *words, int64_t *indices, int64_t count)
{
    int64_t number = 0;
    while (number < count) {
        uint64_t leaf = find(words) >> 6;
        uint64_t *word = &words[words[STARTS] + leaf];
        while (*word && number < count) {
            indices[number++] = (int64_t)(leaf << 6) | __builtin_ctzll(*word);
            *word &= *word - 1;
        }
        if (!*word)
            clear(words, 1, leaf);
    }
    words[FREE] -= (uint64_t)number;
}

/* Release the indices in order, up to one that is outside; how many that were, and what became of each. */
static int64_t tree_release_many(uint64_t *words, const int64_t *indices, _Bool *freed, int64_t count)
{
    int64_t number = 0;
    for (; number < count; number++) {
        if (indices[number] < 0 || (uint64_t)indices[number] >= words[CAPACITY])
            break;
        freed[number] = tree_release(words, indices[number]);
    }
    return number;
}
