#include "base/signing.h"

#include "base/base64.h"
#include "base/digest.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

using namespace serin;

namespace {

std::string hex(const std::string& bytes) {
    std::string text;
    for (const char byte : bytes) {
        constexpr const char* digits = "0123456789abcdef";
        text += digits[static_cast<unsigned char>(byte) >> 4];
        text += digits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

}  // namespace

TEST_CASE("HMAC-SHA-256 of RFC 4231") {
    CHECK(
        hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(
        hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST_CASE("a signature is one of the key that made it") {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_RSA_gen(2048), &EVP_PKEY_free);
    REQUIRE(key);
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    REQUIRE(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
    std::string pem(8192, '\0');
    pem.resize(static_cast<std::size_t>(BIO_read(out.get(), pem.data(), 8192)));

    const auto signature = sign_rs256(pem, "text");
    REQUIRE(signature);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    REQUIRE(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
    CHECK(
        EVP_DigestVerify(
            context.get(),
            reinterpret_cast<const unsigned char*>(signature->data()),
            signature->size(),
            reinterpret_cast<const unsigned char*>("text"),
            4) == 1);
    CHECK_FALSE(sign_rs256("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "x"));
    CHECK_FALSE(sign_rs256("", "x"));
}

TEST_CASE("base64 there and back") {
    for (const char* text : {"", "a", "ab", "abc", "\xff\xfe\x01"}) {
        CHECK(decode_base64(encode_base64(text)) == text);
    }
    CHECK(encode_base64("u:p") == "dTpw");
    CHECK(encode_base64("a") == "YQ==");
    CHECK(encode_base64_url("\xff\xfe\xfd") == "__79");
    CHECK(decode_base64("dT\r\npw\n") == "u:p");
    CHECK_FALSE(decode_base64("d*pw"));
}
