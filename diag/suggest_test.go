package diag_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
)

func TestASuggestionIsNearAndPlausible(t *testing.T) {
	names := []string{"elu", "silu", "relu", "gelu", "sqrt", "std", "tanh", "tan", "log_softmax", "max_steps", "log_every"}
	for name, want := range map[string]string{
		// A letter too few or too many, two swapped, another case, underscores.
		"slu": "silu", "rleu": "relu", "RELU": "relu", "sqr_t": "sqrt", "taanh": "tanh", "LogSoftmax": "log_softmax", "logsoftmax": "log_softmax",
		"maxsteps": "max_steps", "max_stpes": "max_steps", "logevery": "log_every", "relo": "relu",
		// Another word: a wrong letter in a short name, or a wrong first one.
		"svd": "", "xd": "", "e": "", "h": "", "mish": "", "banana": "", "fanh": "", "xqrt": "", "eru": "", "st": "",
	} {
		require.Equal(t, want, diag.DidYouMean(name, names), name)
	}
	require.Equal(t, "lr", diag.DidYouMean("rl", []string{"lr", "l", "rlx"}))
	require.Equal(t, "silu", diag.DidYouMean("slu", []string{"elu", "silu"}), "a letter left out is likelier than a wrong one")
}
