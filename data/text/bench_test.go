package text

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// A text of 16 MB: opened, and read in batches of 64 windows of 256 tokens in random order.
// The throughput is that of the text, of which a window may hold a part again.
func BenchmarkText(b *testing.B) {
	for _, c := range []struct{ name, tokens, unit string }{
		{"bytes", byBytes, "func main() { return x + 1 }\n"},
		{"ascii", byCharacters, "func main() { return x + 1 }\n"},
		{"mixed", byCharacters, "Größe — «naïve» 東京, and some ASCII text.\n"},
	} {
		content := strings.Repeat(c.unit, 16<<20/len(c.unit))
		d := put(b, b.TempDir(), content)
		set(d, keyTokens, c.tokens)
		if c.tokens == byCharacters {
			set(d, keyVocabulary, int64(100))
		}
		const batch, length = 64, 256
		field(d, "x", ir.I32, length, 0)
		complete(d)
		tab := opened(b, d, nil)
		b.Run("open/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				tab, err := open(context.Background(), &table.Input{Decl: d, Files: folder{}})
				require.NoError(b, err)
				require.NoError(b, tab.Close())
			}
		})
		b.Run("read/"+c.name, func(b *testing.B) {
			rows, dst := make([]int64, batch), make([]byte, batch*length*4)
			random := rand.New(rand.NewPCG(1, 2))
			b.SetBytes(int64(batch * length * len(content) / len([]rune(content))))
			for b.Loop() {
				for i := range rows {
					rows[i] = random.Int64N(tab.Len())
				}
				require.NoError(b, tab.Read(0, rows, dst))
			}
		})
		require.NoError(b, tab.Close())
	}
}
