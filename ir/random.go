package ir

import (
	"crypto/sha256"
	"encoding/binary"
)

// RandomKey is the key of a random node: the first eight bytes of a SHA-256
// over the seed and the node's path. Together with the step it determines what
// the node draws, on every device.
func RandomKey(seed int64, path string) int {
	sum := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, uint64(seed)), path...))
	return int(binary.LittleEndian.Uint64(sum[:]))
}
