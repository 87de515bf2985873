#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace {

struct Outcome {
    int code = -1;
    std::string text;  // Standard output and error.
};

Outcome serin(const std::string& arguments) {
    const std::string command = std::string(SERIN_PROGRAM) + " " + arguments + " 2>&1";
    std::FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Outcome outcome;
    std::array<char, 4096> buffer{};
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        outcome.text.append(buffer.data(), size);
    }
    const int status = pclose(pipe);
    if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
    return outcome;
}

const std::string checkout =
    std::string("rehearse --runs 4 --jobs 2 -f ") + REHEARSE_MANIFESTS + "/checkout.yaml ";

}  // namespace

TEST_CASE("--ci fails with 7 when a limit is exceeded, and only then") {
    CHECK(serin(checkout + "--ci").code == 0);
    CHECK(serin(checkout + "--ci --max-duration 20m --min-promote-probability 95%").code == 0);

    const Outcome late = serin(checkout + "--ci --max-duration 5m");
    CHECK(late.code == 7);
    CHECK(late.text.contains("Limit exceeded: a promotion takes 15m"));
    CHECK(serin(checkout + "--max-duration 5m").code == 0);

    const std::string bad = checkout + "--canary error=20% --ci ";
    CHECK(serin(bad + "--min-abort-probability 99%").code == 0);
    CHECK(serin(bad + "--max-exposed-failures 100").code == 7);
    CHECK(serin(bad + "--min-promote-probability 50%").code == 7);
    CHECK(serin(checkout + "--ci --min-abort-probability 50%").code == 7);
}

TEST_CASE("wrong words and manifests are refused with the place") {
    const Outcome fault = serin(checkout + "--fault fire");
    CHECK(fault.code == 1);
    CHECK(fault.text.contains("--fault: no fault \"fire\""));
    CHECK(serin(checkout + "--traffic much").code == 1);
    CHECK(serin(checkout + "--canary error=120%").code == 1);
    CHECK(serin(checkout + "--rollout other").text.contains("no Rollout \"other\""));
    CHECK(serin("rehearse -f /nowhere").code == 1);
    CHECK(serin(checkout + "--horizon 0s").text.contains("--horizon: must be above zero"));
}

TEST_CASE("the same seed prints the same bytes in every form") {
    for (const char* form : {"text", "json", "html"}) {
        const std::string command = checkout + "--canary error=6% --seed 9 -o " + form;
        const Outcome one = serin(command);
        CHECK(one.code == 0);
        CHECK(one.text == serin(command).text);
    }
    const std::string page = serin(checkout + "-o html").text;
    CHECK(page.contains("<svg"));
    // Nothing is fetched from elsewhere.
    CHECK(!page.contains("src="));
    CHECK(!page.contains("href="));
}
