#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// Digests of text. Ids derive from content, so a retry makes the same id.

namespace serin {

// Lower-case hexadecimal SHA-256, 64 characters.
std::string sha256_hex(std::string_view text);

// FNV-1a, 32 bit.
std::uint32_t fnv1a32(std::string_view text);

// A number in Kubernetes' safe alphabet (no vowels, no look-alikes), as pod-template hashes are
// written: each decimal digit d becomes alphabet[byte(d) mod 27].
std::string safe_encode(std::string_view text);

// A version-8 UUID whose bits derive from `seed`: equal seeds give equal ids.
std::string uuid_from(std::string_view seed);

}  // namespace serin
