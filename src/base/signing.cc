#include "base/signing.h"

#include "base/check.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <cstddef>
#include <memory>

namespace serin {

namespace {

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// A key under a passphrase would ask the terminal for it.
int refuse_passphrase(char* /*buffer*/, int /*size*/, int /*is_writing*/, void* /*user*/) {
    return -1;
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view text) {
    std::array<unsigned char, 32> digest{};
    unsigned int size = 0;
    const unsigned char* made = HMAC(
        EVP_sha256(),
        key.data(),
        static_cast<int>(key.size()),
        bytes_of(text),
        text.size(),
        digest.data(),
        &size);
    SERIN_CHECK(made != nullptr && size == digest.size());
    return {digest.begin(), digest.end()};
}

Result<std::string> sign_rs256(const std::string& private_key_pem, std::string_view text) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
        BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())),
        &BIO_free);
    SERIN_CHECK(pem != nullptr);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(pem.get(), nullptr, &refuse_passphrase, nullptr), &EVP_PKEY_free);
    if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA)
        return fail(ErrorKind::invalid, "the private key is not an RSA key in PEM");
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    SERIN_CHECK(context != nullptr);
    std::size_t size = 0;
    const bool is_ready =
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
        EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1;
    std::string signature(size, '\0');
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    if (!is_ready || EVP_DigestSign(context.get(), out, &size, bytes_of(text), text.size()) != 1)
        return fail(ErrorKind::invalid, "the private key cannot sign");
    signature.resize(size);
    return signature;
}

}  // namespace serin
