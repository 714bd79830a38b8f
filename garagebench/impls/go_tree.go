// The tree of bitmap.py, searched in Go. The words: what is free, the capacity, the number of levels, where each level
// starts; then the levels, leaves first, 1 for free.
package main

/*
#include <stdbool.h>
#include <stdint.h>
*/
import "C"

import (
	"math/bits"
	"unsafe"
)

const (
	free = iota
	capacity
	levels
	starts
)

// view returns the words, which are the caller's memory, as a slice.
func view(words *C.uint64_t, count C.int64_t) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(words)), int(count))
}

// find returns the lowest free index of a tree that has one.
func find(words []uint64) uint64 {
	var index uint64
	for level := words[levels]; level > 0; level-- {
		word := words[words[starts+level-1]+index]
		index = index<<6 | uint64(bits.TrailingZeros64(word))
	}
	return index
}

// clear takes a bit away, and those above it whose word has none left.
func clear(words []uint64, level, index uint64) {
	for ; level < words[levels]; level++ {
		word := &words[words[starts+level]+index>>6]
		*word &^= 1 << (index & 63)
		if *word != 0 {
			break
		}
		index >>= 6
	}
}

// set adds a bit, and those above it; false if it was there already.
func set(words []uint64, index uint64) bool {
	if words[words[starts]+index>>6]>>(index&63)&1 != 0 {
		return false
	}
	words[free]++
	for level := uint64(0); level < words[levels]; level++ {
		word := &words[words[starts+level]+index>>6]
		before := *word
		*word = before | 1<<(index&63)
		if before != 0 {
			break
		}
		index >>= 6
	}
	return true
}

//export tree_nearest
func tree_nearest(memory *C.uint64_t, count C.int64_t) C.int64_t {
	words := view(memory, count)
	if words[free] == 0 {
		return -1
	}
	return C.int64_t(find(words))
}

//export tree_take
func tree_take(memory *C.uint64_t, count C.int64_t) C.int64_t {
	words := view(memory, count)
	if words[free] == 0 {
		return -1
	}
	index := find(words)
	clear(words, 0, index)
	words[free]--
	return C.int64_t(index)
}

//export tree_release
func tree_release(memory *C.uint64_t, count, space C.int64_t) C.bool {
	return C.bool(set(view(memory, count), uint64(space)))
}

// tree_take_many takes so many indices, of which so many are free: a word of leaves at a time, and the levels above are
// told only when it is empty.
//
//export tree_take_many
func tree_take_many(memory *C.uint64_t, count C.int64_t, indices *C.int64_t, wanted C.int64_t) {
	words := view(memory, count)
	found := unsafe.Slice((*int64)(unsafe.Pointer(indices)), int(wanted))
	number := 0
	for number < len(found) {
		leaf := find(words) >> 6
		word := &words[words[starts]+leaf]
		for *word != 0 && number < len(found) {
			found[number] = int64(leaf<<6) | int64(bits.TrailingZeros64(*word))
			*word &= *word - 1
			number++
		}
		if *word == 0 {
			clear(words, 1, leaf)
		}
	}
	words[free] -= uint64(number)
}

// tree_release_many releases the indices in order, up to one that is outside; how many that were, and what became of each.
//
//export tree_release_many
func tree_release_many(memory *C.uint64_t, count C.int64_t, indices *C.int64_t, freed *C.bool, wanted C.int64_t) C.int64_t {
	words := view(memory, count)
	spaces := unsafe.Slice((*int64)(unsafe.Pointer(indices)), int(wanted))
	flags := unsafe.Slice((*bool)(unsafe.Pointer(freed)), int(wanted))
	for number, space := range spaces {
		if space < 0 || uint64(space) >= words[capacity] {
			return C.int64_t(number)
		}
		flags[number] = set(words, uint64(space))
	}
	return wanted
}

func main() {}
