package kernels_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/kernels"
)

// Same spec, seed and device: same bits. Which thread is first is for a GPU to choose,
// so no bit may depend on it.
func TestTheOrderOfThreadsChangesNoBit(t *testing.T) {
	for _, in := range []dialect{inCUDA, inMetal, inPlainMetal} {
		t.Run(in.device, func(t *testing.T) {
			forwards := openEmulated(t, in, sourcesToTry(t), emulator.None, kernels.Limits{Group: 1024})
			backwards := forwards.running(emulator.Backwards)
			for _, k := range in.kernels(t) {
				choices := typesOn(forwards, k)
				for at, types := range choices {
					cases := casesOn(forwards, k.Ops[0])
					if !isCommon(types) { // the others have the same source
						cases = shareOf(cases, at, len(choices))
					}
					for i, c := range cases {
						n, arrays := nodeOf(t, k, k.Ops[0], types, c)
						want, got := launch(t, forwards, k, n, arrays), launch(t, backwards, k, n, arrays)
						require.Equal(t, want.Tensor().Data, got.Tensor().Data, "kernel %s of %v, case %d", k.Name, types, i)
					}
				}
			}
		})
	}
}
