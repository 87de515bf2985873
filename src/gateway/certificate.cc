#include "base/digest.h"
#include "gateway/read_gateway.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

namespace serin::gateway {
namespace {

template <auto release>
struct Release {
    void operator()(auto* pointer) const { release(pointer); }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using Chain = std::unique_ptr<X509, Release<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;

Result<std::string> decode_base64(std::string_view text) {
    std::string clean;
    std::ranges::copy_if(
        text, std::back_inserter(clean), [](char c) { return c != '\n' && c != '\r' && c != ' '; });
    if (clean.size() > (1 << 20)) return fail(ErrorKind::invalid, "too large");
    std::string out(clean.size() / 4 * 3 + 3, '\0');
    const int bytes = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(clean.data()),
        static_cast<int>(clean.size()));
    if (bytes < 0) return fail(ErrorKind::invalid, "not base64");
    const std::size_t padding = clean.ends_with("==") ? 2 : clean.ends_with('=') ? 1 : 0;
    out.resize(static_cast<std::size_t>(bytes) - padding);
    return out;
}

Result<std::string> read_part(const Object& secret, const std::string& name) {
    if (const auto plain = json::text(secret.find("/stringData/" + name))) {
        return std::string(*plain);
    }
    const auto encoded = json::text(secret.find("/data/" + name));
    if (!encoded) return fail(ErrorKind::invalid, "data has no " + name);
    Result<std::string> decoded = decode_base64(*encoded);
    if (!decoded) return std::unexpected(std::move(decoded.error()).within(name));
    return decoded;
}

Bio memory_of(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key with a pass phrase is refused rather than asked for on the terminal.
int no_pass_phrase(char*, int, int, void*) {
    return -1;
}

}  // namespace

Result<Certificate> read_certificate(const Object& secret) {
    if (secret.text("/type", "kubernetes.io/tls") != "kubernetes.io/tls") {
        return fail(ErrorKind::invalid, "type is not kubernetes.io/tls");
    }
    SERIN_TRY(const std::string chain, read_part(secret, "tls.crt"));
    SERIN_TRY(const std::string key, read_part(secret, "tls.key"));

    const Bio chain_text = memory_of(chain);
    const Bio key_text = memory_of(key);
    const Chain leaf(PEM_read_bio_X509(chain_text.get(), nullptr, no_pass_phrase, nullptr));
    if (!leaf) return fail(ErrorKind::invalid, "tls.crt is not a PEM certificate");
    const Key secret_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_pass_phrase, nullptr));
    if (!secret_key) return fail(ErrorKind::invalid, "tls.key is not a PEM private key");
    if (X509_check_private_key(leaf.get(), secret_key.get()) != 1) {
        return fail(ErrorKind::invalid, "tls.key does not belong to tls.crt");
    }
    Certificate certificate;
    certificate.pem = chain + (chain.ends_with('\n') ? "" : "\n") + key;
    certificate.file = sha256_hex(certificate.pem).substr(0, 32) + ".pem";
    return certificate;
}

}  // namespace serin::gateway
