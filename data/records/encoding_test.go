package records

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where the beginning ends within a character, its bytes so far are no fault.
func TestATextMayBeginLikeAnotherFormat(t *testing.T) {
	for _, begin := range []string{"PAR1", "BZh", "GGUF", "<html"} {
		text := begin + ",é\n" + strings.Repeat("1,2\n", 100) + "€"
		for cut := range len(text) + 1 {
			skip, message := Sniff([]byte(text[:cut]), cut == len(text))
			require.Zero(t, skip)
			require.Empty(t, message, "%d bytes of %q", cut, begin)
		}
		_, message := Sniff([]byte(begin+"\xff"), false)
		require.NotEmpty(t, message, begin)
	}
	skip, message := Sniff([]byte("\ufeffa"), false)
	require.Equal(t, 3, skip)
	require.Empty(t, message)
}
