#pragma once

#include <string>
#include <string_view>

// Which texts of a manifest may reach the data plane's configuration, and how they are written
// there. What fails a check is refused with a condition; it is never cut, cleaned or passed on.

namespace serin::gateway {

// A DNS subdomain as names of objects and hosts are: lower-case letters, digits, '-' and '.'.
bool is_dns_name(std::string_view text);
// As is_dns_name, optionally with a first label "*".
bool is_host_pattern(std::string_view text);
// An HTTP token (RFC 9110), as methods and header names are.
bool is_token(std::string_view text);
// Printable text of at most 1024 bytes: no control characters, so it cannot end a line.
bool is_printable(std::string_view text);
// A path that needs no escaping: '/' first, then letters, digits and "-._~/".
bool is_plain_path(std::string_view text);
// Letters, digits and "-_.": what may stand unquoted in a sample fetch's argument.
bool is_word(std::string_view text);
// Letters, digits, "-_.:" and at most 300 bytes: a name of a proxy or server.
bool is_server_name(std::string_view text);
// An IPv4 or IPv6 address in numbers.
bool is_ip_address(std::string_view text);

// One word of the configuration, whatever the text holds. REQUIRES: is_printable(text).
std::string quote(std::string_view text);
// The same for a log-format string that is to give `text` itself.
std::string quote_format(std::string_view text);

}  // namespace serin::gateway
