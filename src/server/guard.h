#pragma once

#include "net/http_server.h"
#include "server/failure.h"

#include <optional>
#include <string>
#include <vector>

namespace serin::server {

struct GuardOptions {
    std::string address = "127.0.0.1";     // Where the server listens.
    std::vector<std::string> host_names;   // Names by which clients may call it, beside localhost.
    std::string token_file;                // Its first line is the token; empty: none is asked for.
    bool has_client_certificates = false;  // TLS with an authority for client certificates.
};

// Who may come in. On loopback everyone on the machine, unless a token or client certificates are
// configured; elsewhere only those who have one. Web pages of other origins may not, wherever the
// server listens: neither by writing across origins nor by a name that resolves to this address.
class Guard {
public:
    // `invalid` for a token file that cannot be read or is empty, and for listening beyond loopback
    // without a way to tell who comes.
    static Result<Guard> make(const GuardOptions& options);

    // Empty when the request may pass.
    std::optional<Failure> check(const net::HttpServerRequest& request) const;

private:
    std::optional<Failure> check_host(const net::HttpServerRequest& request) const;
    std::optional<Failure> check_identity(const net::HttpServerRequest& request) const;

    bool is_loopback_ = true;
    std::vector<std::string> host_names_;
    std::string token_digest_;  // Empty when no token is asked for.
    bool has_client_certificates_ = false;
};

bool is_loopback_address(std::string_view address);

}  // namespace serin::server
