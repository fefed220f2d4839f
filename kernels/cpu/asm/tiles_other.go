//go:build !amd64

package asm

// F32Tiles are the tiles of f32, or nil.
func F32Tiles(Set) *Tiles { return nil }

// F64Tiles are the tiles of f64, or nil.
func F64Tiles(Set) *Tiles { return nil }
