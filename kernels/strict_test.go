package kernels_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/kernels"
)

// A kernel that runs in the emulator may still be none in Metal, whose pointers say
// which memory they are of. So every source is read, in every choice of dtypes, by two
// compilers that know of address spaces; and so are graphs as fused kernels.
func TestMetalSourcesKeepToTheLanguage(t *testing.T) {
	if _, err := emulator.Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	for _, in := range []dialect{inMetal, inPlainMetal} {
		all := in.kernels(t)
		if in.device == inMetal.device {
			for seed := range 60 {
				fused, err := kernels.Fuse(rapid.Custom(drawDAG(dagDTypesOf(in.lacks))).Example(seed).recipe(t))
				require.NoError(t, err)
				all = append(all, fused)
			}
		}
		var units []emulator.Unit
		for _, k := range all {
			of, err := in.units(k, sourcesToTry(t), false)
			require.NoError(t, err)
			units = append(units, of...)
		}
		require.NoError(t, emulator.Check(units))
	}
}
