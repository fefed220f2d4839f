// Package asm holds functions in assembly for the kernels on the CPU, and chooses the
// instruction set that they use.
//
// The assembly is generated: package gen, a module of its own, writes the files whose
// names end in _amd64.s and the declarations beside them. On other architectures there
// are none, and kernels run their Go.
//
// A function reads and writes what its arguments describe and nothing else, not even a
// part of a vector beyond. Its bits may depend on the instruction set, and on nothing
// but that and its arguments. Each is tested against Go, between pages that can't be
// touched.
//
//go:generate go run -C gen . ..
package asm

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Set is an instruction set.
type Set uint8

// The sets, the slowest first. AVX2 includes FMA and F16C, AVX512 what Skylake servers
// have: F, BW, DQ and VL, and BMI2 for masks.
const (
	Go Set = iota // no assembly
	AVX2
	AVX512
)

var names = []string{"go", "avx2", "avx512"}

func (s Set) String() string { return names[s] }

// Variable is the environment variable that forces a set.
const Variable = "FLOWRUN_CPU"

// Sets lists those that this processor and system have, the fastest first.
func Sets() []Set {
	sets := []Set{Go}
	if hasAVX2 {
		sets = append(sets, AVX2)
	}
	if hasAVX512 {
		sets = append(sets, AVX512)
	}
	slices.Reverse(sets)
	return sets
}

// Chosen is the set that kernels use: the fastest one, or that which Variable names. The
// error says that it can't be used, and Chosen is Go then.
var Chosen, Err = choose(os.Getenv(Variable), Sets())

func choose(name string, sets []Set) (Set, error) {
	if name == "" {
		return sets[0], nil
	}
	i := slices.Index(names, name)
	if i < 0 {
		return Go, fmt.Errorf("%s=%s: there is no such instruction set; choose one of %s", Variable, name, strings.Join(names, ", "))
	}
	if !slices.Contains(sets, Set(i)) {
		var have []string
		for _, s := range sets {
			have = append(have, s.String())
		}
		return Go, fmt.Errorf("%s=%s: this processor, or its system, lacks it; it has %s", Variable, name, strings.Join(have, ", "))
	}
	return Set(i), nil
}
