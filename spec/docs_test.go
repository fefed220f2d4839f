package spec

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExamplesOfTheReferenceAreValid(t *testing.T) {
	text, err := os.ReadFile("../docs/language.md")
	require.NoError(t, err)
	found := 0
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.HasPrefix(block, "flowrun: 1") {
			continue
		}
		found++
		_, list := Parse("example.yaml", []byte(block), Options{})
		require.Empty(t, list.Items, list.Text())
	}
	require.GreaterOrEqual(t, found, 2)
}
