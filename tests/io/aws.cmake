hotswapd_test(aws_exchange_test SOURCES aws/exchange_test.cpp LINKS hotswapd_aws LABELS io)
