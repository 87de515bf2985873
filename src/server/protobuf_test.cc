#include "server/protobuf.h"

#include <doctest/doctest.h>

namespace serin::server {

namespace {

std::string part(int number, std::string_view bytes) {
    std::string all(1, static_cast<char>(number << 3 | 2));
    all += static_cast<char>(bytes.size());
    return all + std::string(bytes);
}

std::string wrap(std::string_view kind, std::string_view raw) {
    return std::string("k8s\0", 4) + part(1, part(1, "v1") + part(2, kind)) + part(2, raw) +
           part(3, "") + part(4, "");
}

}  // namespace

TEST_CASE("a secret's bytes become base64 and its metadata members") {
    const std::string labels = part(11, part(1, "app") + part(2, "shop"));
    const std::string meta = part(1, "s") + part(3, "") + labels + part(8, "");
    const std::string raw = part(1, meta) + part(2, part(1, "a") + part(2, "hello")) +
                            part(2, part(1, "b") + part(2, "")) + part(3, "Opaque");
    const auto read = read_kubernetes_protobuf(wrap("Secret", raw));
    REQUIRE(read);
    CHECK(
        json::print_canonical(*read) ==
        R"({"apiVersion":"v1","data":{"a":"aGVsbG8=","b":""},"kind":"Secret",)"
        R"("metadata":{"labels":{"app":"shop"},"name":"s"},"type":"Opaque"})");
}

TEST_CASE("a service's ports keep their kinds") {
    const std::string number =
        std::string("\x18\x50", 2) + part(4, std::string("\x08\0\x10\x51", 4));
    const std::string name =
        part(1, "b") + part(4, std::string("\x08\x01\x10\0", 4) + part(3, "web"));
    const auto read = read_kubernetes_protobuf(
        wrap("Service", part(2, part(1, number) + part(1, name)) + part(3, part(1, ""))));
    REQUIRE(read);
    CHECK(
        json::print_canonical(*json::find(*read, "/spec/ports")) ==
        R"([{"port":80,"targetPort":81},{"name":"b","targetPort":"web"}])");
}

TEST_CASE("what cannot be read whole is refused") {
    CHECK_FALSE(read_kubernetes_protobuf(""));
    CHECK_FALSE(read_kubernetes_protobuf("k8s"));
    CHECK_FALSE(read_kubernetes_protobuf(std::string("k8s\0\x0a\x7f", 6)));
    CHECK_FALSE(read_kubernetes_protobuf(wrap("Secret", "\x0a")));
    CHECK_FALSE(read_kubernetes_protobuf(wrap("Secret", std::string(20, '\xff'))));
    CHECK_FALSE(read_kubernetes_protobuf(wrap("ConfigMap", part(1, part(1, "\xff\xfe")))));
    const auto kind = read_kubernetes_protobuf(wrap("Deployment", ""));
    CHECK(kind.error().message.contains("Deployment"));
    const auto field = read_kubernetes_protobuf(wrap("ConfigMap", part(9, "x")));
    CHECK(field.error().message.contains("field 9 of ConfigMap"));
}

}  // namespace serin::server
