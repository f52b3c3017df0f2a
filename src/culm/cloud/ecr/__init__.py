"""Amazon ECR: repositories, images and the password of the registry. The bytes go through `culm.registry`.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html
"""

from culm.cloud.ecr import authorization as authorization
from culm.cloud.ecr import images as images
from culm.cloud.ecr import layers as layers
from culm.cloud.ecr import lifecycle_policies as lifecycle_policies
from culm.cloud.ecr import repositories as repositories
from culm.cloud.ecr import repository_policies as repository_policies
from culm.cloud.ecr import tags as tags
