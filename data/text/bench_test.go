package text

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func BenchmarkScan(b *testing.B) {
	for name, unit := range map[string]string{"ascii": "func main() { return x + 1 }\n", "mixed": "Größe — «naïve» 東京, and some ASCII text.\n"} {
		content := []byte(strings.Repeat(unit, 8<<20/len(unit)))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				var k book
				if _, broken, err := scan(context.Background(), bytes.NewReader(content), &k); broken != nil || err != nil {
					b.Fatal(broken, err)
				}
			}
		})
	}
}
