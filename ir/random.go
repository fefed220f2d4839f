package ir

import (
	"crypto/sha256"
	"encoding/binary"
)

// RandomKey is the key of a random node: the first eight bytes of a SHA-256
// over the seed and the node's path. Together with the step it determines what
// the node draws, on every device.
func RandomKey(seed int64, path string) int {
	h := sha256.New()
	var s [8]byte
	binary.LittleEndian.PutUint64(s[:], uint64(seed))
	h.Write(s[:])
	h.Write([]byte(path))
	return int(binary.LittleEndian.Uint64(h.Sum(nil)))
}
